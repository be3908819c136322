"""OpenDC's event queue, one fragment after the other: where the time of a fragment's end, or the order of equal ends, matters."""
