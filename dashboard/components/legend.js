// What the colours and signs of a figure mean.
import { element } from "./element.js";

/** entries: {label, swatch}; `swatch` is a class of style.css. */
export function legend(entries) {
  return element("ul", { class: "legend" }, ...entries.map(({ label, swatch }) =>
    element("li", {}, element("span", { class: `swatch ${swatch}`, "aria-hidden": "true" }), label)));
}
