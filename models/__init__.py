"""Networks and losses: plain modules; no files, no trainer, no logging."""
