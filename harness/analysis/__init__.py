"""Numbers from records: groups, interim looks, intervals, tests and simulation. No torch."""
