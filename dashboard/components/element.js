// Elements without innerHTML: what comes from data is always text.

/** `element("p", {class: "note"}, "text", child)`; attributes that are null are left out. */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

/** Fill `place` with what `draw` gives; a failure is shown in its place, in words. */
export async function fill(place, draw) {
  place.setAttribute("aria-busy", "true");
  try {
    const nodes = [await draw()].flat();
    place.replaceChildren(...nodes.filter((node) => node != null));
  } catch (error) {
    place.replaceChildren(failure(error));
    if (error?.name !== "Error" || !error.message) console.warn(error);
  } finally {
    place.removeAttribute("aria-busy");
  }
}

export function failure(error) {
  return element("p", { class: "failure", role: "alert" }, `This could not be shown. ${error?.message ?? error}`);
}
