"""How much the alarms ask of an operator, by the figures of EEMUA 191 and ISA-18.2."""
