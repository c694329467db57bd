// A value between 0 and 1 as a dot on a line, with its interval, beside the number.
import { element } from "./element.js";

const SVG = "http://www.w3.org/2000/svg";
const at = (value) => `${4 + 92 * value}%`; // room for half a dot at either end

/** `text` is the number as shown; low and high are null where no interval is known; null values have no dot. */
export function strip({ value, low, high, text, isBaseline, doc }) {
  const drawing = svg("svg", { class: "strip", width: "100%", height: 18, "aria-hidden": "true" },
    svg("line", { class: "rail", x1: at(0), x2: at(1), y1: 9, y2: 9 }),
    ...[0, 0.5, 1].map((tick) => svg("line", { class: "rail", x1: at(tick), x2: at(tick), y1: 5, y2: 13 })),
    ...(low == null ? [] : [svg("line", { class: "reach", x1: at(low), x2: at(high), y1: 9, y2: 9 })]),
    ...(value == null ? [] : [svg("circle", { class: isBaseline ? "dot baseline" : "dot", cx: at(value), cy: 9, r: 4.5 })]));
  return element("span", { class: "strip-cell", title: doc ?? null }, drawing, element("span", {}, text));
}

function svg(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
