"use strict";
const chart = document.getElementById("chart");
const figures = JSON.parse(document.getElementById("figures").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const canHover = matchMedia("(hover: hover)");

function draw(scheme, width) {
  const { data, layout } = figures[scheme];
  // A finger scrolls the page; a mouse selects a part of the time axis.
  const dragmode = canHover.matches ? "zoom" : false;
  Plotly.react(chart, data, { ...layout, dragmode, width }, { responsive: true, displayModeBar: false });
}

function drawOnScreen() {
  draw(dark.matches ? "dark" : "light");
}

drawOnScreen();
dark.addEventListener("change", drawOnScreen);
addEventListener("beforeprint", () => draw("light", 680)); // narrower than A4 and Letter between their margins
addEventListener("afterprint", () => {
  drawOnScreen();
  Plotly.relayout(chart, { autosize: true }); // a redraw alone would keep the paper's width
});
