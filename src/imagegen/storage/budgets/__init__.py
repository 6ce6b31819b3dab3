"""Budgets in MongoDB: their definitions, the counters of their periods, and the ledger."""
