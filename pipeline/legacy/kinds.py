"""The stores that can be imported, each with how it is known and how it is read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.legacy.errors import MigrateError
from pipeline.legacy.folders import is_folders, read_folders
from pipeline.legacy.found import Found, Wishes
from pipeline.legacy.lightning_logs import is_lightning, read_lightning
from pipeline.legacy.misread import why_unknown
from pipeline.legacy.mlflow_store import NEEDS as MLFLOW
from pipeline.legacy.mlflow_store import read_mlflow
from pipeline.legacy.reports import is_reports, read_reports
from pipeline.legacy.sqlite_store import has_tables, is_sqlite, tables_of
from pipeline.legacy.tracker import NEEDS as TRACKER
from pipeline.legacy.tracker import read_tracker
from pipeline.legacy.wandb_runs import is_wandb, read_wandb


@dataclass(frozen=True)
class Kind:
    """A kind of store; `what` is how it is called where somebody gave something else."""

    name: str
    what: str
    is_one: Callable[[Path], bool]
    read: Callable[[Path, Wishes], Found]


KINDS = (
    Kind("tracker", "the lab's SQLite tracker (project.db)",
         lambda path: is_sqlite(path) and has_tables(tables_of(path), TRACKER), read_tracker),
    Kind("mlflow", "an MLflow SQLite store (mlflow.db)",
         lambda path: is_sqlite(path) and has_tables(tables_of(path), MLFLOW), read_mlflow),
    Kind("reports", "the folder of the tracker's exported Parquet and JSON (runs.parquet …)", is_reports, read_reports),
    Kind("wandb", "a W&B folder with offline-run-*/run-*.wandb", is_wandb, read_wandb),
    Kind("folders", "experiment folders of 7 levels (modality/dataset/size/…)", is_folders, read_folders),
    Kind("lightning", "Lightning CSV logs (version_N/metrics.csv)", is_lightning, read_lightning),
)  # fmt: skip


_FOLDERS = next(kind for kind in KINDS if kind.read is read_folders)


def find_stores(source: Path, to: Path | None = None) -> tuple[list[tuple[Kind, Path]], list[Path]]:
    """What `source` is; of a folder that is no store itself, the stores directly in it, and what else is in it.

    Args:
        to: where experiment folders of `source` are moved: once all are there, none is left in it.

    Raises:
        MigrateError: it is not there, cannot be read, or holds none of KINDS.
    """
    try:
        if to is not None and is_folders(to) and source.is_dir():
            return [(_FOLDERS, source)], []
        if not source.exists():
            raise MigrateError(f"{source} does not exist. Give the file or folder of an old store.")
        if (kind := _kind_of(source)) is not None:
            return [(kind, source)], []
        inside = sorted(path for path in source.iterdir() if not path.name.startswith(".")) if source.is_dir() else []
        kinds = [(_kind_of(path), path) for path in inside]
    except OSError as error:
        raise MigrateError(
            f"{error.filename or source} cannot be read ({error.strerror}). Make it readable, then try again."
        ) from error
    stores = [(kind, path) for kind, path in kinds if kind is not None]
    if not stores:
        what = "is an empty folder" if source.is_dir() and not inside else "is no store we know"
        if source.is_dir() and (why := why_unknown(source)):
            raise MigrateError(f"{source} {what}. It looks like experiment folders, but {why}")
        known = "".join(f"\n  {kind.what}" for kind in KINDS)
        raise MigrateError(f"{source} {what}. What can be imported:{known}")
    return stores, [path for kind, path in kinds if kind is None]


def _kind_of(path: Path) -> Kind | None:
    return next((kind for kind in KINDS if kind.is_one(path)), None)
