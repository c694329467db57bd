-- Each capture of a dataset: what is in it, what was wrong with it, and where it went.
SELECT
    captures.dataset, captures.capture, captures.usage, captures.vehicle, captures.attack, captures.frames,
    captures.attack_frames, captures.arbitration_ids, captures.span_s, captures.duplicate_of,
    captures.same_recording_as, captures.shared_frames, captures.shared_with, captures.empty_payloads,
    captures.backward_steps, captures.repaired_rows, captures.error_frames, captures.clock_jumps, captures.row_digest
FROM captures
JOIN dataset_read ON dataset_read.run_id = captures.run_id AND dataset_read.dataset = captures.dataset
ORDER BY captures.dataset, captures.usage DESC, captures.capture
