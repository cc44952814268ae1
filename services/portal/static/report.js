// The grid worker's page: preview of the photo, position, last used kinds first.
(function () {
  "use strict";
  var form = document.getElementById("report-form");
  if (!form) return;
  var photo = form.elements.photo, preview = document.getElementById("preview");
  photo.addEventListener("change", function () {
    var file = photo.files[0];
    preview.hidden = !file;
    if (file) preview.src = URL.createObjectURL(file);
  });

  var words = document.getElementById("where-words"), detail = document.getElementById("where-detail");
  function place(position) {
    form.elements.lon.value = position.coords.longitude.toFixed(6);
    form.elements.lat.value = position.coords.latitude.toFixed(6);
    words.textContent = "用现在的位置";
    detail.textContent = window.maodiao.clockOf(window.maodiao.now()).slice(0, 5) + " 定位，误差约 " +
      Math.round(position.coords.accuracy) + " 米";
  }
  function noPlace() {
    words.textContent = "没有定位，请选社区";
    detail.textContent = "在下面选，或写地址";
    form.elements.community.options[0].text = "请选社区";
    document.getElementById("choose-place").open = true;
  }
  if (navigator.geolocation && window.isSecureContext) {
    navigator.geolocation.getCurrentPosition(place, noPlace, { enableHighAccuracy: true, timeout: 10000, maximumAge: 60000 });
  } else {
    noPlace();
  }
  form.elements.community.addEventListener("change", function () {
    var chosen = form.elements.community;
    if (!chosen.value) return;
    form.elements.lon.value = "";
    form.elements.lat.value = "";
    words.textContent = chosen.options[chosen.selectedIndex].text;
    detail.textContent = "您选的社区";
  });

  var tiles = document.getElementById("kinds"), used = [];
  try { used = JSON.parse(localStorage.getItem("kinds") || "[]"); } catch (error) { used = []; }
  used.slice().reverse().forEach(function (code) {
    var input = tiles.querySelector('input[value="' + code + '"]');
    if (input) tiles.insertBefore(input.closest("label"), tiles.firstChild);
  });
  Array.prototype.forEach.call(tiles.querySelectorAll("label"), function (label, at) { label.hidden = at >= 5; });
  form.addEventListener("submit", function () {
    var kind = form.querySelector("input[name=kind]:checked");
    if (!kind) return;
    try {
      localStorage.setItem("kinds", JSON.stringify([kind.value].concat(used.filter(function (one) { return one !== kind.value; })).slice(0, 5)));
    } catch (error) { /* order stays as it is */ }
  });
  document.querySelector("[data-more-kinds]").addEventListener("click", function (event) {
    Array.prototype.forEach.call(tiles.querySelectorAll("label"), function (label) { label.hidden = false; });
    event.currentTarget.hidden = true;
  });
})();
