"""Run times: the chain, extraction of surfaces, PEIF."""
