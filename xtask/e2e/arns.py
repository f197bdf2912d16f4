"""Gives moto's load balancers the ARNs that AWS gives them.

moto writes `loadbalancer/app/` whatever the type is; AWS writes `net` and `gwy` for the others. A scan treats an
answer whose ARN and type differ as malformed.
"""

import threading

from moto.elbv2 import models

WORDS = {"network": "net", "gateway": "gwy"}
current = threading.local()


def use_aws_arns():
    """Replaces moto's function for load balancers that are created from now on."""
    make, create = models.make_arn_for_load_balancer, models.ELBv2Backend.create_load_balancer

    def created(self, *args, loadbalancer_type=None, **more):
        current.type = loadbalancer_type
        return create(self, *args, loadbalancer_type=loadbalancer_type, **more)

    def made(**named):
        return make(**named).replace("/app/", f"/{WORDS.get(current.type, 'app')}/", 1)

    models.ELBv2Backend.create_load_balancer = created
    models.make_arn_for_load_balancer = made
