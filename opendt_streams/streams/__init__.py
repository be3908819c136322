"""Kafka and Faust around the pure machines: thin. One module per service; what they share is beside them.

simulator.py, calibrator.py, recorder.py    Faust workers: agents hand every message to `Partition.deliver`
dc_mock.py                                  replays a workload directory, with a plain producer
partition.py                                restores the machines of one partition and feeds them each message once
publisher.py, log.py                        sending with acknowledgement; reading without a consumer group
"""
