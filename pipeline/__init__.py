"""Stages from a CAN capture to a checkpoint, its metrics and its release."""
