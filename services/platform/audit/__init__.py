"""The audit log: who was let in, who was refused, and what operators did; see `chain`."""
