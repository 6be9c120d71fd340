"""What an NGSI-LD client may rely on, by topic (ETSI GS CIM 009 V1.9.1)."""
