/** A chart as a PNG file with its title, time, legend and town in it, made in this browser alone. */

const WIDE = 24; // around it
const HEAD = 92;
const FOOT = 40;

/** @param {any} drawing @param {any} page */
export async function save(drawing, page) {
  const canvas = composed(drawing, page);
  const file = await new Promise((made) => canvas.toBlob(made, "image/png"));
  const address = URL.createObjectURL(file);
  const name = drawing.chart.title.normalize("NFKD").replace(/[^A-Za-z0-9]+/g, "-");
  Object.assign(document.createElement("a"), { href: address, download: `${name}-${page.span}.png` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function composed(drawing, page) {
  const { chart, look, plot } = drawing;
  const plain = plot.ctx.canvas;
  const ratio = devicePixelRatio;
  const canvas = Object.assign(document.createElement("canvas"), {
    width: plain.width + 2 * WIDE * ratio,
    height: plain.height + (HEAD + FOOT) * ratio,
  });
  const pen = canvas.getContext("2d");
  pen.fillStyle = look.field;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(plain, WIDE * ratio, HEAD * ratio);
  pen.scale(ratio, ratio);
  write(pen, look, "600 18px", chart.unit ? `${chart.title} (${chart.unit})` : chart.title, 30);
  write(pen, look, "13px", page.time, 52);
  legend(pen, drawing);
  write(pen, look, "13px", `${page.town} · ${page.timezone}`, canvas.height / ratio - 14);
  return canvas;
}

function write(pen, look, font, words, y, x = WIDE) {
  Object.assign(pen, { font: `${font} system-ui, sans-serif`, fillStyle: look.text });
  pen.fillText(words, x, y);
  return x + pen.measureText(words).width;
}

function legend(pen, { keys, look }) {
  let x = WIDE;
  for (const { words, paint } of keys) {
    pen.save();
    pen.translate(x, 66);
    paint(pen, 22, 12);
    pen.restore();
    x = write(pen, look, "13px", words, 77, x + 28) + 20;
  }
}
