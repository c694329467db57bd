"""Quantiles of Student's t and the normal distribution in plain arithmetic: importing scipy takes seconds.

Tests compare both with scipy.
"""

import math

_HALVINGS = 200  # of an interval that holds the quantile: far beyond the digits of a double


def normal_cdf(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


def student_cdf(t: float, freedom: int) -> float:
    """Probability of at most `t` with a whole number of degrees of freedom (Abramowitz and Stegun, 26.7.3-4)."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    first = cosine if freedom % 2 else 1.0
    terms, term = 0.0, first
    for power in range(2 + freedom % 2, freedom, 2):
        terms += term
        term *= cosine * cosine * (power - 1) / power
    if freedom > 1:
        terms += term
    inside = 2 / math.pi * (angle + sine * terms) if freedom % 2 else sine * terms
    return (1 + inside) / 2


def student_quantile(p: float, freedom: int) -> float:
    """The t below which a share `p`, at least .5, lies."""
    low, high = 0.0, 1.0
    while student_cdf(high, freedom) < p:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if student_cdf(middle, freedom) < p else (low, middle)
    return (low + high) / 2
