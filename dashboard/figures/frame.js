// A figure redraws when its width changes, and says in words what it shows.
import { element, failure } from "../components/element.js";

/** `<figure>` around `draw(width)`, with a caption. */
export function figure(draw, caption) {
  return element("figure", {}, responsive(draw), element("figcaption", {}, caption));
}

/** A box that shows `draw(width)`, and draws again when its width is another. */
export function responsive(draw) {
  const place = element("div", { class: "plot" });
  let width = 0;
  const fit = () => {
    const style = getComputedStyle(place);
    const now = Math.floor(place.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
    if (!(now > 0) || now === width) return; // a box that was taken out of the page has no width
    width = now;
    try {
      place.replaceChildren(draw(width));
    } catch (error) {
      place.replaceChildren(failure(error));
    }
  };
  // In the next frame: a change of size while sizes are observed is an error of the page.
  new ResizeObserver(() => requestAnimationFrame(fit)).observe(place);
  return place;
}

export const COLOURS = ["var(--series-1)", "var(--series-2)", "var(--series-3)", "var(--series-4)", "var(--series-5)", "var(--series-6)"];
