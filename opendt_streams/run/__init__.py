"""`opendt run`: the whole twin on one machine, until the streams end.

plan.py          what will run: folder, settings, workload; everything that can be refused is refused here
supervisor.py    the services as child processes: started, restarted, counted, ended
watch.py         how far the twin is, seen from the topics; complete, stalled
conduct.py       the order of things: broker, topics, services, end, report
summary.py       the figures of a run, from the topics; report.py shows them to people
page.py          report.html
seal.py          the seal that `opendt audit verify` compares with
"""
