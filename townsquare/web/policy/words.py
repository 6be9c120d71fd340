"""What the product's own policy calls roles and purposes; a town's own are shown as written."""

from townsquare.model.texts import later

ROLES = (
    later("Operator"),
    later("Engineer"),
    later("Data protection officer"),
    later("Security engineer"),
    later("Administrator"),
    later("Integrator"),
    later("Custodian of footage"),
    later("Investigator"),
    later("Citizen"),
    later("Emergency access"),
    later("Room of the house"),
    later("Anyone on this machine"),
)
PURPOSES = (
    later("crowd safety"),
    later("traffic management"),
    later("operations"),
    later("public information"),
    later("integration"),
    later("investigation"),
)
MEANT = (
    later("notice when a place gets dangerously full"),
    later("count and steer traffic"),
    later("run the town's services and their equipment"),
    later("tell the public what the town does"),
    later("connect devices and applications of the town"),
    later("look into one incident or complaint that has a file number"),
)
SHARED = later("what is public of it")
ACCOUNTS = (later("invited"), later("active"), later("disabled"), later("erased"))
