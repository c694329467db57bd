"""The schema's version, one for all tables. A change of a column is a new version; docs/schema.md says what changed."""

# 2: captures.error_frames; 3: metrics.protocol, metrics.calibration_s, captures.clock_jumps, runs.variant;
# 4: journals; runs by whom, from where, of which configuration; epochs of attempts; predictions, resources, the
#    figures' data, the registry; the scheduler's statuses
SCHEMA_VERSION = 4
