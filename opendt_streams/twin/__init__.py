"""The two pure state machines of PROTOCOL.md, Simulator and Calibrator: step(topic, offset, message) -> outputs. No Kafka, no clock.

Live workers (`streams`) and audit replay drive exactly these two; no rule of the protocol is implemented anywhere else.
"""
