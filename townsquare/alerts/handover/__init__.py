"""Hand a shift over: what it leaves, in the words of who goes, taken over by who comes."""
