"""Domain types of the twin: frozen, pure, without Kafka, clock or files."""
