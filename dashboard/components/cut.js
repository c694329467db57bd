// Says beside a table that columns lie further to the right, as long as they do.
import { element } from "./element.js";
import { plural } from "./format.js";

/** A line that counts the columns of `heads` that `region` cuts off; empty where all of them are in view. */
export function cutHint(region, heads) {
  const hint = element("span", { class: "cut", "aria-hidden": "true", hidden: true });
  const look = () => {
    const edge = region.getBoundingClientRect().right + 1;
    const cut = heads.filter((head) => head.getBoundingClientRect().right > edge).length;
    hint.hidden = cut === 0;
    hint.textContent = cut ? `${plural(cut, "more column")}: scroll sideways →` : "";
  };
  // In the next frame: a change of size while sizes are observed is an error of the page.
  const watch = new ResizeObserver(() => requestAnimationFrame(look));
  watch.observe(region);
  region.addEventListener("scroll", look, { passive: true });
  return hint;
}
