// The trend of lag: one line per service, told apart by dashes as well as colour. The table above says the numbers.
(function () {
  "use strict";
  var place = document.getElementById("lag-chart");
  if (!place || !window.echarts) return;
  place.style.height = "220px";
  var chart = window.echarts.init(place), series = {}, KEPT_MS = 600000;
  var DASHES = ["solid", "dashed", "dotted", [8, 3, 2, 3], [2, 6], [12, 4]];
  function take() {
    var table = document.querySelector("#lag-table table");
    if (!table) return;
    var at = Number(table.dataset.asOf);
    table.querySelectorAll("tr[data-group]").forEach(function (row) {
      if (row.dataset.lag === "") return;
      var line = series[row.dataset.group] = series[row.dataset.group] || [];
      if (line.length && line[line.length - 1][0] >= at) return;
      line.push([at, Number(row.dataset.lag)]);
      while (line.length && line[0][0] < at - KEPT_MS) line.shift();
    });
    chart.setOption({
      animation: false, aria: { enabled: true }, grid: { left: 60, right: 20, top: 36, bottom: 28 }, legend: { top: 0 },
      xAxis: { type: "time", min: at - KEPT_MS, max: at, axisLabel: { formatter: function (ms) { return window.maodiao.clockOf(ms).slice(0, 5); } } }, yAxis: { type: "value", minInterval: 1, min: 0 },
      series: Object.keys(series).map(function (name, at) {
        return { name: name, type: "line", symbol: "none", data: series[name], lineStyle: { type: DASHES[at % DASHES.length], width: 2 } };
      })
    });
  }
  take();
  new MutationObserver(take).observe(document.getElementById("lag-table"), { childList: true, subtree: true });
  window.addEventListener("resize", function () { chart.resize(); });
})();
