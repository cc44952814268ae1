// Hints of the window's form while it is filled in. They never take the focus; the form works without them.
(function () {
  "use strict";
  var form = document.getElementById("register-form");
  if (!form) return;
  var WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2], CHECK = "10X98765432";

  function idOk(text) {
    var sum = 0, kept = text.trim().toUpperCase();
    if (!/^\d{17}[\dX]$/.test(kept)) return false;
    for (var i = 0; i < 17; i += 1) sum += WEIGHTS[i] * Number(kept[i]);
    return CHECK[sum % 11] === kept[17];
  }

  var id = form.elements.id_number, note = document.getElementById("id_number-live");
  id.addEventListener("input", function () {
    var wrong = id.value.trim().length >= 18 && !idOk(id.value);
    note.hidden = !wrong;
    id.closest(".field").classList.toggle("wrong", wrong);
  });

  // Kinds whose words stand in the text come first; keys 1 to 9 choose while the list of kinds has the focus.
  var choices = document.getElementById("kind-choices");
  var labels = Array.prototype.slice.call(choices.querySelectorAll("label"));
  var text = form.elements.text, timer = null;
  function pairs(said) {
    var made = {};
    for (var i = 0; i + 1 < said.length; i += 1) made[said.slice(i, i + 2)] = true;
    return made;
  }
  function order() {
    var said = pairs(text.value), search = document.getElementById("kind-search").value.trim();
    labels.forEach(function (label, at) {
      var hits = 0, words = label.dataset.words;
      for (var i = 0; i + 1 < words.length; i += 1) if (said[words.slice(i, i + 2)]) hits += 1;
      label.dataset.rank = String(hits * 1000 - at);
      label.dataset.found = search && label.dataset.words.indexOf(search) < 0 ? "" : "yes";
    });
    var sorted = labels.slice().sort(function (a, b) { return Number(b.dataset.rank) - Number(a.dataset.rank); });
    var shown = 0;
    sorted.forEach(function (label) {
      var on = label.querySelector("input").checked;
      label.hidden = !(on || (label.dataset.found && shown < (search ? 12 : 7)));
      if (!label.hidden && !on) shown += 1;
      choices.appendChild(label);
    });
  }
  text.addEventListener("input", function () { clearTimeout(timer); timer = setTimeout(order, 300); });
  document.getElementById("kind-search").addEventListener("input", order);
  choices.addEventListener("keydown", function (event) {
    if (!/^Digit[1-9]$/.test(event.code)) return;
    var seen = labels.filter(function (label) { return !label.hidden; });
    seen.sort(function (a, b) { return a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1; });
    var chosen = seen[Number(event.code.slice(5)) - 1];
    if (chosen) { chosen.querySelector("input").checked = true; foresee(); event.preventDefault(); }
  });

  // What will happen: asked of the server, which knows places and kinds.
  function foresee() {
    var kind = form.querySelector("input[name=kind]:checked");
    var asked = new URLSearchParams({ kind: kind ? kind.value : "", community: form.elements.community.value });
    window.maodiao.fill("foresee", "/register/foresee?" + asked).catch(function () { /* a hint, no more */ });
  }
  form.addEventListener("change", foresee);

  form.addEventListener("keydown", function (event) {
    if (event.code === "Enter" && event.ctrlKey) form.requestSubmit();
  });

  // A draft stays on this machine alone, and only when asked for; live.js drops it when its writer signs out.
  document.querySelector("[data-draft]").addEventListener("click", function (event) {
    var kept = {};
    new FormData(form).forEach(function (value, name) { if (name !== "csrf" && name !== "key") kept[name] = value; });
    try {
      sessionStorage.setItem("draft", JSON.stringify(kept));
      event.target.textContent = "草稿存好了";
    } catch (error) { event.target.textContent = "没有存上草稿"; }
  });
  try {
    var draft = JSON.parse(sessionStorage.getItem("draft") || "null");
    if (draft && !text.value) {
      Object.keys(draft).forEach(function (name) {
        var field = form.elements[name];
        if (!field || !("value" in field) || !draft[name]) return;
        if (field.type === "checkbox") field.checked = field.value === draft[name];
        else field.value = draft[name];
      });
    }
  } catch (error) { /* no draft */ }
  form.addEventListener("submit", function () { try { sessionStorage.removeItem("draft"); } catch (error) { /* none kept */ } });
  order();
})();
