"""Deadlines of running tasks and carbon traces, leaving in OpenDC's order.

Where several tasks end at one instant, the shape of OpenDC's heap decides which is first (opendc-semantics section 13), and with it the
order of its host pools. So this is a binary heap that moves the same elements as OpenDC's does; Python's `heapq` moves others.
"""

from __future__ import annotations


class DeadlineHeap:
    """Nodes are small integers, each in the heap at most once."""

    def __init__(self) -> None:
        self._nodes: list[int] = []
        self._deadline: dict[int, int] = {}
        self._at: dict[int, int] = {}

    def copy(self) -> DeadlineHeap:
        other = DeadlineHeap()
        other._nodes, other._deadline, other._at = self._nodes.copy(), self._deadline.copy(), self._at.copy()
        return other

    @property
    def nodes(self) -> tuple[int, ...]:
        """As they lie in the heap: entered into an empty one in this order, with their deadlines, they lie there again."""
        return tuple(self._nodes)

    def deadline(self, node: int) -> int:
        return self._deadline[node]

    @property
    def first_ms(self) -> int | None:
        return self._deadline[self._nodes[0]] if self._nodes else None

    def poll(self, now: int) -> int | None:
        """Takes the first node out if it is due."""
        nodes, deadline = self._nodes, self._deadline
        if not nodes or deadline[nodes[0]] > now:
            return None
        head, last = nodes[0], nodes.pop()
        del deadline[head], self._at[head]
        if nodes:
            self._down(0, last)
        return head

    def put(self, node: int, deadline_ms: int) -> None:
        """Enters a node, or moves it to another deadline."""
        at = self._at.get(node)
        self._deadline[node] = deadline_ms
        if at is None:
            self._nodes.append(node)
            self._up(len(self._nodes) - 1, node)
        elif at and self._deadline[self._nodes[(at - 1) >> 1]] > deadline_ms:
            self._up(at, node)
        else:
            self._down(at, node)

    def drop(self, node: int) -> None:
        """Takes a node out, if it is in."""
        at = self._at.pop(node, None)
        if at is None:
            return
        del self._deadline[node]
        moved = self._nodes.pop()
        if moved != node:
            self._down(at, moved)
            if self._nodes[at] == moved:
                self._up(at, moved)

    def _up(self, at: int, node: int) -> None:
        nodes, deadline, places = self._nodes, self._deadline, self._at
        mine = deadline[node]
        while at:
            parent = (at - 1) >> 1
            other = nodes[parent]
            if mine >= deadline[other]:
                break
            nodes[at] = other
            places[other] = at
            at = parent
        nodes[at] = node
        places[node] = at

    def _down(self, at: int, node: int) -> None:
        nodes, deadline, places = self._nodes, self._deadline, self._at
        mine, size = deadline[node], len(nodes)
        half = size >> 1
        while at < half:
            child = 2 * at + 1
            smallest = nodes[child]
            due = deadline[smallest]
            if child + 1 < size and deadline[nodes[child + 1]] < due:
                child += 1
                smallest = nodes[child]
                due = deadline[smallest]
            if mine <= due:
                break
            nodes[at] = smallest
            places[smallest] = at
            at = child
        nodes[at] = node
        places[node] = at
