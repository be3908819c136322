"""The ledger of topology events: making them, folding them into verdicts and state, saying what changed."""
