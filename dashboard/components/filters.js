// Choices above a table or figure; the address keeps them, so that a view can be sent to somebody.
import * as Inputs from "@observablehq/inputs";
import { element } from "./element.js";

const address = new URLSearchParams(location.search);

/** A select for `name`; starts with what the address says, else with `initial`, else with the first. */
export function choice(name, label, options, { initial, text = String } = {}) {
  const asked = address.get(name);
  const value = options.includes(asked) ? asked : options.includes(initial) ? initial : options[0];
  return named(name, Inputs.select(options, { label, value, format: text }));
}

/** Checkboxes for `name`; those of `initial`, or all, are set unless the address says otherwise. */
export function choices(name, label, options, { initial = options, text = String } = {}) {
  const asked = address.get(name)?.split(";").filter((value) => options.includes(value));
  return named(name, Inputs.checkbox(options, { label, value: asked?.length ? asked : initial, format: text }));
}

/** A group of inputs; `onchange` gets {name: value} now and after every change. */
export function filters(inputs, onchange) {
  const values = () => Object.fromEntries(inputs.map((input) => [input.dataset.name, input.value]));
  const form = element("div", { class: "filters", role: "group", "aria-label": "What is shown" }, ...inputs);
  form.addEventListener("input", () => {
    const chosen = values();
    for (const [name, value] of Object.entries(chosen)) address.set(name, [value].flat().join(";"));
    history.replaceState(null, "", `?${address}`);
    onchange(chosen);
  });
  onchange(values());
  return form;
}

function named(name, input) {
  input.dataset.name = name;
  input.addEventListener("submit", (event) => event.preventDefault());
  return input;
}

export function distinct(rows, key) {
  return [...new Set(rows.map((row) => row[key]))];
}
