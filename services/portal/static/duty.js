// The duty seat's list: keys, the chosen row, and new rows that wait behind a bar so that nothing moves under a hand.
(function () {
  "use strict";
  var list = document.getElementById("duty-list");
  if (!list) return;
  var title = document.title, pending = null;

  function rows() { return Array.prototype.slice.call(list.querySelectorAll(".rows > li")); }
  function chosen() { return list.querySelector("li.chosen"); }

  function choose(row, quiet) {
    if (!row) return;
    rows().forEach(function (one) { one.classList.toggle("chosen", one === row); });
    var link = row.querySelector("a.row");
    if (!quiet) link.focus();
    window.maodiao.fill("duty-detail", "/duty/case/" + row.dataset.case).catch(function () { /* the strip says it */ });
    history.replaceState(null, "", link.getAttribute("href"));
  }

  function step(by) {
    var all = rows(), at = all.indexOf(chosen());
    choose(all[Math.min(Math.max(at + by, 0), all.length - 1)]);
  }

  list.addEventListener("click", function (event) {
    var link = event.target.closest("a.row");
    if (!link || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    choose(link.closest("li"));
  });

  function off() { try { return localStorage.getItem("keys") === "off"; } catch (error) { return false; } }

  document.addEventListener("keydown", function (event) {
    var active = document.activeElement;
    if (off() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!list.contains(active)) return;
    if (active && /^(INPUT|TEXTAREA|SELECT)$/.test(active.tagName)) return;
    if (act(event)) event.preventDefault();
  });

  function act(event) {
    var code = event.code, row = chosen();
    if (code === "KeyJ") step(1);
    else if (code === "KeyK") step(-1);
    else if (code === "KeyN") show();
    else if (code === "Enter" && event.target.matches("a.row")) open(event.target.closest("li"));
    else if (code === "KeyY" && row) toConfirm(row);
    else if (/^Digit[1-6]$/.test(code)) followFilter(Number(code.slice(5)) - 1);
    else if (code === "Slash" && event.shiftKey) document.getElementById("all-keys").open = true;
    else if (code === "Slash") document.getElementById("q").focus();
    else return false;
    return true;
  }

  // Enter on the row itself: filters, buttons and links within a row keep their own.
  function open(row) { location.href = "/cases/" + row.dataset.case; }

  // Y only moves to the button; Enter presses it. No key blows a whistle alone.
  function toConfirm(row) {
    var button = row.querySelector("[data-confirm]") || document.querySelector("#duty-detail [data-confirm]");
    if (button) button.focus();
  }

  function followFilter(at) {
    var link = document.querySelectorAll(".filters a")[at];
    if (link) location.href = link.getAttribute("href");
  }

  // Known rows are repainted where they stand; new ones and a new order wait for N.
  function arrived() {
    fetch("/duty/rows" + location.search, { credentials: "same-origin" }).then(function (answer) {
      if (!answer.ok) throw new Error("HTTP " + answer.status);
      return answer.text();
    }).then(compare).catch(function () { /* the strip says it when it lasts */ });
  }

  function compare(text) {
    var fresh = new DOMParser().parseFromString(text, "text/html");
    var old = rows(), found = {}, fetched = fresh.querySelectorAll(".rows > li"), added = 0, urgent = 0;
    fetched.forEach(function (row) { found[row.id] = row; });
    old.forEach(function (row) {
      var now = found[row.id];
      row.classList.toggle("gone", !now);
      if (now && !row.contains(document.activeElement) && row.innerHTML !== now.innerHTML) row.innerHTML = now.innerHTML;
    });
    fetched.forEach(function (row) {
      if (document.getElementById(row.id)) return;
      added += 1;
      if (row.dataset.urgent) urgent += 1;
    });
    var order = Array.prototype.map.call(fetched, function (row) { return row.id; }).join();
    var shown = old.map(function (row) { return row.id; }).join();
    pending = order === shown ? null : fresh;
    bar(added, urgent);
    var counts = fresh.getElementById("duty-filters"), here = document.getElementById("duty-filters");
    if (counts && here) recount(here.querySelectorAll("a"), counts.querySelectorAll("a"));
    var row = chosen();
    if (row) window.maodiao.fill("duty-detail", "/duty/case/" + row.dataset.case).catch(function () { /* the strip says it */ });
  }

  // Each filter stays the element that it is, or the focus on it and the words in the search box would be lost.
  function recount(old, fresh) {
    old.forEach(function (link, at) {
      if (fresh[at] && link.innerHTML !== fresh[at].innerHTML) link.innerHTML = fresh[at].innerHTML;
    });
  }

  function bar(added, urgent) {
    var strip = document.getElementById("new-rows");
    strip.hidden = !pending;
    strip.querySelector(".words").textContent = added ? "有 " + added + " 件新到，没有插进列表" : "顺序有变化，没有挪动列表";
    document.title = urgent ? "（" + urgent + "）" + title : title;
    if (urgent && strip.dataset.rang !== String(urgent)) tone();
    strip.dataset.rang = String(urgent);
  }

  // One short tone for what only a person can settle; browsers play it once somebody has used the page.
  function tone() {
    var Audio = window.AudioContext;
    if (!Audio) return;
    var context = new Audio(), oscillator = context.createOscillator(), gain = context.createGain();
    gain.gain.value = 0.08;
    oscillator.connect(gain);
    gain.connect(context.destination);
    oscillator.frequency.value = 880;
    oscillator.start();
    oscillator.stop(context.currentTime + 0.25);
    oscillator.onended = function () { context.close(); };
  }

  function show() {
    if (!pending) return;
    var row = chosen(), id = row && row.id, fresh = pending;
    pending = null;
    document.getElementById("duty-rows").innerHTML = fresh.getElementById("duty-rows").innerHTML;
    bar(0, 0);
    var again = id && document.getElementById(id);
    if (again) { again.classList.add("chosen"); again.querySelector("a.row").focus(); }
    else rest();
  }

  // Keys need the focus in the list: on its first row, or on the list itself where there is none.
  function rest() { (list.querySelector("a.row") || list).focus({ preventScroll: true }); }

  document.addEventListener("click", function (event) {
    if (event.target.closest("[data-show-new]")) show();
    var keys = event.target.closest("[data-keys]");
    if (keys) {
      try { localStorage.setItem("keys", off() ? "on" : "off"); } catch (error) { /* kept for this page alone */ }
      keys.textContent = off() ? "打开快捷键" : "关掉快捷键";
    }
  });
  document.addEventListener("maodiao:changed", arrived);
  var first = chosen() || rows()[0];
  if (first && !chosen()) choose(first, true);
  if (first) first.querySelector("a.row").focus({ preventScroll: true });
  else rest();
})();
