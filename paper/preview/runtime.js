// Runs the preview's cells in the page: Observable's runtime, and a place for each value that is shown.
import { Runtime } from "@observablehq/runtime";

/** cells: {name, isView, inputs, define, place, isInline}, and {imports: {name: value}}. */
export function start(cells) {
  const main = new Runtime({}).module();
  for (const cell of cells) {
    if (cell.imports) {
      for (const [name, value] of Object.entries(cell.imports)) main.variable().define(name, [], () => value);
    } else {
      const name = cell.isView ? `viewof ${cell.name}` : cell.name;
      main.variable(observer(cell)).define(name, cell.inputs, cell.define);
      if (cell.isView) main.variable().define(cell.name, [name], inputValues);
    }
  }
}

function observer({ place, name, isInline }) {
  const node = place && document.getElementById(place);
  return {
    fulfilled(value) {
      if (node) node.replaceChildren(value instanceof Node ? value : String(value ?? "–"));
    },
    rejected(error) {
      const box = document.createElement(isInline ? "span" : "p");
      box.className = "failure";
      box.setAttribute("role", "alert");
      box.textContent = `This could not be computed${name ? ` (${name})` : ""}. ${error.message ?? error}`;
      if (node) node.replaceChildren(box);
      else document.getElementById("failures").append(box);
    },
  };
}

/** The values of an input, now and after each change. */
async function* inputValues(input) {
  while (true) {
    const changed = new Promise((resolve) => input.addEventListener("input", resolve, { once: true }));
    yield input.value;
    await changed;
  }
}
