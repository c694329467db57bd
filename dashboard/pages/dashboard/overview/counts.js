// The snapshot in a few counts.
import { element } from "../../../components/element.js";
import { percent, plural, whole } from "../../../components/format.js";

export function countTiles(overview) {
  const { runs, runs_complete, frames, attack_frames } = overview;
  const tiles = [
    ["Runs complete", `${whole(runs_complete)} of ${whole(runs)}`, notComplete(overview)],
    ["Frames read", whole(frames), `${percent(attack_frames, frames)} labelled attack`],
    ["Captures used", whole(overview.captures_train + overview.captures_test),
      `${whole(overview.captures_train)} to train, ${whole(overview.captures_test)} to test` +
      ` of ${plural(overview.datasets, "data set")}` +
      (overview.captures_duplicate ? `; ${plural(overview.captures_duplicate, "duplicate")} left out` : "")],
    ["Windows to train", whole(overview.windows_train), `${whole(overview.windows_validation)} more to validate`],
    ["Windows to test", whole(overview.windows_test),
      `${percent(overview.windows_test_attack, overview.windows_test)} labelled attack`],
    ["Seeds", whole(overview.seeds?.split(", ").length ?? 0), overview.seeds ?? "no training run"],
  ];
  return element("dl", { class: "tiles" }, ...tiles.map(([term, value, note]) =>
    element("div", {}, element("dt", {}, term), element("dd", {}, element("strong", {}, value),
      element("span", {}, note)))));
}

function notComplete({ runs_running, runs_failed, runs_interrupted, runs_stopped }) {
  const parts = [
    [runs_running, "not ended"], [runs_failed, "failed"], [runs_interrupted, "interrupted"], [runs_stopped, "stopped by the scheduler"],
  ];
  return parts.filter(([count]) => count).map(([count, what]) => `${whole(count)} ${what}`).join(", ") || "none left open";
}
