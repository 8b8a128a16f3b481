// A canvas as wide as its place and as fine as the screen.

import { el } from "./dom.js";

/** A canvas that fills `node`; `fit` resizes and clears it, and says how large it is. */
export function canvasIn(node) {
  const canvas = el("canvas", { "aria-hidden": "true" });
  node.append(canvas);
  const brush = canvas.getContext("2d");
  return {
    canvas,
    brush,
    fit() {
      const { clientWidth: width, clientHeight: height } = node;
      const density = Math.min(devicePixelRatio || 1, 2);
      const [wide, high] = [Math.round(width * density), Math.round(height * density)];
      // A canvas that is given its size again is made anew, which costs more than to clear it.
      if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
      brush.setTransform(density, 0, 0, density, 0, 0);
      brush.clearRect(0, 0, width, height);
      return { width, height };
    },
  };
}

export function line(brush, x1, y1, x2, y2) {
  brush.beginPath();
  brush.moveTo(x1, y1);
  brush.lineTo(x2, y2);
  brush.stroke();
}

const SHAPES = {
  square(brush, x, y, size) {
    brush.fillRect(x - size / 2, y - size / 2, size, size);
  },
  disc(brush, x, y, size) {
    brush.beginPath();
    brush.arc(x, y, 0.56 * size, 0, 7);
    brush.fill();
  },
  triangle(brush, x, y, size) {
    brush.beginPath();
    brush.moveTo(x, y - 0.65 * size);
    brush.lineTo(x + 0.65 * size, y + 0.5 * size);
    brush.lineTo(x - 0.65 * size, y + 0.5 * size);
    brush.fill();
  },
  cross(brush, x, y, size) {
    brush.fillRect(x - 0.6 * size, y - 0.17 * size, 1.2 * size, 0.34 * size);
    brush.fillRect(x - 0.17 * size, y - 0.6 * size, 0.34 * size, 1.2 * size);
  },
};

/** How the `index`th of several kinds of points is drawn: shapes tell what colours tell, too. */
export const shapeOf = (index) => Object.values(SHAPES)[(index + 1) % 4];
