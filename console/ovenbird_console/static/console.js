// Curves, the live log and the live state of a page. Everything else works without script.
(() => {
  "use strict";

  const LONGEST = 200000; // characters of a log that stay on the page

  const readColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const PALETTE = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5"];

  // data-chart holds {"x": [...], "series": [{"label": "...", "values": [...]}]}
  function drawChart(element) {
    const data = JSON.parse(element.dataset.chart);
    const axis = { stroke: readColour("--dim"), grid: { stroke: readColour("--line") }, ticks: { stroke: readColour("--line") } };
    const options = {
      width: Math.max(240, element.clientWidth), height: 190,
      scales: { x: { time: false } }, axes: [axis, { ...axis, size: 58 }],
      series: [{ label: "step" }, ...data.series.map((line, index) => ({
        label: line.label, stroke: readColour(PALETTE[index % PALETTE.length]), width: 2, spanGaps: true,
        points: { show: data.x.length < 30 },
      }))],
    };
    element.replaceChildren();
    new uPlot(options, [data.x, ...data.series.map((line) => line.values)], element);
  }

  function drawCharts(root) {
    for (const element of root.querySelectorAll("[data-chart]")) drawChart(element);
  }

  function appendLog(log, text) {
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(text);
    while (log.textContent.length > LONGEST && log.childNodes.length > 1) log.firstChild.remove();
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  }

  // data-events is the address of a stream: "log" appends text, "change" loads the parts of the page again
  function listen(root) {
    const source = new EventSource(root.dataset.events);
    const log = root.querySelector("pre.log");
    source.addEventListener("log", (event) => { if (log) appendLog(log, JSON.parse(event.data)); });
    source.addEventListener("change", () => {
      for (const part of root.querySelectorAll("[data-part]")) htmx.ajax("GET", part.dataset.part, { target: part, swap: "outerHTML" });
    });
    source.addEventListener("end", () => source.close());
    addEventListener("pagehide", () => source.close());
  }

  // a part that is waited for and cannot be had says so
  function showFault(event) {
    const waiting = event.detail.target.querySelector("[aria-busy]");
    if (!waiting) return;
    waiting.removeAttribute("aria-busy");
    waiting.textContent = "This part could not be read. The terminal of `ovenbird ui` may say why.";
  }

  addEventListener("DOMContentLoaded", () => {
    for (const name of ["htmx:responseError", "htmx:sendError"]) document.body.addEventListener(name, showFault);
    drawCharts(document);
    document.body.addEventListener("htmx:afterSettle", (event) => drawCharts(event.detail.elt));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawCharts(document));
    document.querySelector(".lineage .root")?.scrollIntoView({ block: "nearest", inline: "center" });
    for (const log of document.querySelectorAll("pre.log")) log.scrollTop = log.scrollHeight;
    for (const root of document.querySelectorAll("[data-events]")) listen(root);
  });
})();
