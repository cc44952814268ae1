// Clock, countdowns and live pages. The server decides what is true; this only counts down and asks again.
// The browser's own EventSource is used: it does not pause in a hidden tab, and the server sets its retry to 2 s.
(function () {
  "use strict";
  var body = document.body;
  var offset = Number(body.dataset.now || Date.now()) - Date.now();
  var zone = body.dataset.zone || "Asia/Shanghai";
  var lastBeat = Date.now();
  var STALE_MS = 30000;
  var stream = null;

  function now() { return Date.now() + offset; }
  function pad(n) { return (n < 10 ? "0" : "") + n; }
  var clockFormat = new Intl.DateTimeFormat("zh-CN", { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  var dayFormat = new Intl.DateTimeFormat("zh-CN", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
  function clockOf(ms) { return clockFormat.format(new Date(ms)); }

  // The same rules as core/times.py.
  function words(due, at) {
    var left = due - at, late = left < 0, span = Math.floor(Math.abs(left) / 1000);
    if (!late && left >= 3600000 && dayFormat.format(new Date(due)) === dayFormat.format(new Date(at))) {
      return "今天 " + clockOf(due).slice(0, 5) + " 前";
    }
    var size = span < 60 ? span + " 秒" : span < 3600 ? Math.floor(span / 60) + " 分钟"
      : span < 86400 ? Math.floor(span / 3600) + " 小时" : Math.floor(span / 86400) + " 天";
    return (late ? "超时 " : "还剩 ") + size;
  }

  function countDown() {
    var at = now();
    document.querySelectorAll(".count[data-due]").forEach(function (node) {
      var due = Date.parse(node.dataset.due), near = Date.parse(node.dataset.near);
      if (node.dataset.running !== "yes" && node.dataset.running !== "missed") return;
      var light = node.dataset.running === "missed" || at > due ? "overdue" : at >= near ? "near" : "normal";
      var text = node.querySelector(".words"), said = words(due, at);
      if (text.textContent !== said) text.textContent = said;
      if (!node.classList.contains(light)) relight(node, light);
    });
    document.querySelectorAll("svg.ruler[data-start]").forEach(function (node) {
      var start = Date.parse(node.dataset.start), due = Date.parse(node.dataset.due);
      var share = due > start ? Math.min(Math.max((at - start) / (due - start), 0), 1) : 1;
      node.querySelector(".used").setAttribute("width", (100 * share).toFixed(1));
    });
  }

  function relight(node, light) {
    ["normal", "near", "overdue"].forEach(function (one) { node.classList.toggle(one, one === light); });
    var use = node.querySelector("use");
    if (use) use.setAttribute("href", use.getAttribute("href").replace(/#.*/, "#" + light));
    var host = node.closest("[data-lit]");
    if (host) ["normal", "near", "overdue"].forEach(function (one) { host.classList.toggle(one, one === light); });
    var ruler = host && host.querySelector(".ruler");
    if (ruler) ["normal", "near", "overdue"].forEach(function (one) { ruler.classList.toggle(one, one === light); });
  }

  function tick() {
    // Pages that follow a stream and pages that ask again have both promised to be of now.
    var follows = body.dataset.live || body.dataset.every;
    var stale = Boolean(follows) && Date.now() - lastBeat > STALE_MS;
    body.classList.toggle("stale", stale);
    var strip = document.getElementById("strip-stale");
    if (strip) {
      strip.hidden = !stale;
      if (stale) {
        strip.querySelector(".words").textContent = "数据停在 " + clockOf(lastBeat + offset) + "，" +
          Math.round((Date.now() - lastBeat) / 1000) + " 秒没更新";
      }
    }
    var shown = clockOf(stale ? lastBeat + offset : now());
    document.querySelectorAll(".clock").forEach(function (node) { node.textContent = shown; });
    if (!stale) countDown();
  }

  function heard(data) {
    lastBeat = Date.now();
    var at = Number(data);
    if (at) offset = at - Date.now();
  }

  var waiting = null;
  function changed(event) {
    heard("");
    // At most once in so many milliseconds, however fast news comes; the last one is never left out.
    if (waiting) return;
    waiting = setTimeout(function () {
      waiting = null;
      document.dispatchEvent(new CustomEvent("maodiao:changed", { detail: event.data }));
    }, Number(body.dataset.pace || 400));
  }

  function listen() {
    if (stream) stream.close();
    stream = new EventSource(body.dataset.live);
    stream.addEventListener("beat", function (event) { heard(event.data); });
    stream.addEventListener("changed", changed);
    stream.onerror = function () {
      // A refused stream is closed for good by the browser: ask again, within five seconds.
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
    };
  }

  // A page without a stream: its parts' answers are its heartbeat.
  function poll() {
    repaint(body.dataset.repaint).then(function () { heard(""); }).catch(function () { /* tick says it after 30 s */ });
  }

  // Fetch a page or part and put what has changed into sections of the same id. A section with a form under the hand stays.
  function repaint(url) {
    return fetch(url, { headers: { "x-part": "1" }, credentials: "same-origin" }).then(function (answer) {
      // Sent elsewhere, to the sign-in for one, is not an answer either.
      if (answer.redirected) throw new Error("redirected");
      if (!answer.ok) throw new Error("HTTP " + answer.status);
      return answer.text();
    }).then(function (text) {
      var fresh = new DOMParser().parseFromString(text, "text/html"), kept = 0;
      fresh.querySelectorAll("[data-part]").forEach(function (part) {
        var old = document.getElementById(part.id);
        if (!old || old.innerHTML === part.innerHTML) return;
        if (underHand(old)) { kept += 1; return; }
        old.innerHTML = part.innerHTML;
        old.className = part.className;
        if (window.htmx) window.htmx.process(old);
      });
      var busy = document.getElementById("busy");
      if (busy) busy.hidden = kept === 0;
      countDown();
    });
  }

  // Put a part of a page into a place. Of several asked for the same place, the last one asked is shown.
  var asked = {};
  function fill(id, url) {
    var mine = asked[id] = (asked[id] || 0) + 1;
    return fetch(url, { credentials: "same-origin" }).then(function (answer) {
      if (!answer.ok) throw new Error("HTTP " + answer.status);
      return answer.text();
    }).then(function (text) {
      if (asked[id] !== mine) return;
      var place = document.getElementById(id);
      place.innerHTML = text;
      if (window.htmx) window.htmx.process(place);
      countDown();
    });
  }

  function underHand(node) {
    var active = document.activeElement;
    if (node.querySelector("details[open]")) return true;
    return Boolean(active && node.contains(active) && /^(INPUT|TEXTAREA|SELECT)$/.test(active.tagName));
  }

  function net() {
    var strip = document.getElementById("strip-net");
    if (strip) strip.hidden = navigator.onLine;
  }

  window.maodiao = { now: now, repaint: repaint, fill: fill, clockOf: clockOf, pad: pad };
  window.addEventListener("online", net);
  window.addEventListener("offline", net);
  document.addEventListener("click", function (event) {
    var again = event.target.closest("[data-reconnect]");
    if (again) {
      if (body.dataset.live) listen(); else poll();
      event.preventDefault();
    }
    if (event.target.closest("[data-print]")) window.print();
  });
  document.addEventListener("maodiao:changed", function () {
    if (body.dataset.repaint) repaint(body.dataset.repaint).catch(function () { /* the strip says it when it lasts */ });
  });
  // A draft names people. It belongs to who wrote it: whoever signs in next at this window must not find it.
  function forget() { try { sessionStorage.removeItem("draft"); } catch (error) { /* none was kept */ } }
  document.addEventListener("submit", function (event) {
    if (event.target.matches("[action='/sign-out']")) forget();
  });
  if (document.querySelector("form[action='/sign-in']")) forget();
  // A form is sent once; a second press within three seconds is a slip. The key in the form makes a repeat harmless.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.dataset.sent && Date.now() - Number(form.dataset.sent) < 3000) event.preventDefault();
    form.dataset.sent = String(Date.now());
  });
  net();
  tick();
  setInterval(tick, 1000);
  if (body.dataset.live) listen();
  if (body.dataset.every) setInterval(poll, Number(body.dataset.every));
})();
