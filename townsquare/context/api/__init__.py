"""`/ngsi-ld/v1`: the doors for any NGSI-LD client (ETSI GS CIM 009 V1.9.1, clause 6)."""
