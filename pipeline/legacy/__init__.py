"""Results of earlier trackers, brought into the lake as what they are: with their origin and their known defects."""
