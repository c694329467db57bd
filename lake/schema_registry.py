"""The table of the model registry: what was registered, promoted and named, by whom and why; never written over."""

from lake.table import Table, count, flag, instant, integer, real, text
from lake.version import SCHEMA_VERSION

REGISTRY_ACTIONS = ("register", "promote", "alias", "unalias")
REGISTRY_STAGES = ("none", "staging", "production", "archived")

REGISTRY = Table(
    name="registry",
    version=SCHEMA_VERSION,
    doc="One row an event of a registered model; what holds now is its latest events.",
    key=("model_name", "sequence"),
    owner="model_name",
    columns={
        "model_name": text("kind-scale-dataset, as gat-student-can_train_and_test"),
        "sequence": integer("number of the event of this model, 1 for the first, without gaps", low=1),
        "action": text("what was done", choices=REGISTRY_ACTIONS),
        "version": count("version of the model, 1 for the first"),
        "checkpoint_digest": text("SHA-256 of the version's checkpoint"),
        "run_id": text("run that trained the version"),
        "stage": text("stage it was promoted to", nullable=True, choices=REGISTRY_STAGES),
        "alias": text("alias that was set or removed", nullable=True),
        "who": text("account of who did it"),
        "happened_at": instant("when"),
        "reason": text("why", nullable=True),
        "is_forced": flag("a gate or a protection was overridden"),
        "gate": text("query that had to hold", nullable=True),
        "gate_value": real("what the query gave", nullable=True),
    },
)
