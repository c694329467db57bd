"""Arrays of several vehicles in one flat mapping, as a file holds them."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

_SEPARATOR = "\x1f"


def under_vehicles(arrays: Mapping[str, Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """One name for each vehicle's array."""
    return {f"{vehicle}{_SEPARATOR}{name}": array for vehicle, own in arrays.items() for name, array in own.items()}


def split_by_vehicle(arrays: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, NDArray[Any]]]:
    """The way back; names without a vehicle are left out."""
    found: dict[str, dict[str, NDArray[Any]]] = {}
    for name, array in arrays.items():
        vehicle, separator, own = name.partition(_SEPARATOR)
        if separator:
            found.setdefault(vehicle, {})[own] = array
    return found
