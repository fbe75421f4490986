"""Output of tools to values, by area. Pure; what is not understood raises `dlws.verdict.Unparsable`."""
