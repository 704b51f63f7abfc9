"""The docks: one module a dock, and the scaffolding that they share."""
