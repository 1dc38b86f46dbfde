// Draws every figure from the JSON beside it; the camera buttons save it as SVG or PNG.
for (const plot of document.querySelectorAll(".plot")) {
  const { data, layout } = JSON.parse(plot.nextElementSibling.textContent);
  const save = (format, scale) => ({
    name: `save as ${format.toUpperCase()}`,
    icon: format === "svg" ? Plotly.Icons.camera : Plotly.Icons["camera-retro"],
    click: (shown) => Plotly.downloadImage(shown, { format, scale, filename: plot.dataset.name }),
  });
  Plotly.newPlot(plot, data, layout, {
    displaylogo: false,
    modeBarButtons: [[save("svg", 1), save("png", 3)]],
  });
}
