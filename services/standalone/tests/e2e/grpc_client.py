"""Calls two services directly, as an internal service written in Python would:
by reflection alone, with the health service, and with a context token of its own.

    python grpc_client.py IDENTITY_PORT TENANCY_PORT SERVICE SECRET

Prints one line for each thing it found; exits non-zero at the first surprise.
"""

import sys

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

TIMEOUT = 10


def caller(channel, service):
    """A function that calls any unary RPC of a service by name."""
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    methods = pool.FindServiceByName(service).methods_by_name

    def call(rpc, metadata=(), **fields):
        method = methods[rpc]
        invoke = channel.unary_unary(
            f"/{service}/{rpc}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        request = GetMessageClass(method.input_type)(**fields)
        return invoke(request, metadata=metadata, timeout=TIMEOUT)

    return call


def main(identity_port, tenancy_port, service, secret):
    identity = grpc.insecure_channel(f"127.0.0.1:{identity_port}")
    tenancy = grpc.insecure_channel(f"127.0.0.1:{tenancy_port}")

    found = ProtoReflectionDescriptorDatabase(tenancy).get_services()
    print("reflection:", " ".join(sorted(found)))

    health = health_pb2_grpc.HealthStub(tenancy)
    status = health.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT).status
    print("health:", health_pb2.HealthCheckResponse.ServingStatus.Name(status))

    companies = caller(tenancy, "atencion.tenancy.v1.CompanyService")
    try:
        companies("GetCompany", company_id=3)
        sys.exit("a call without token was answered")
    except grpc.RpcError as error:
        print("without token:", error.code().name)

    authentication = caller(identity, "atencion.identity.v1.AuthenticationService")
    issued = authentication("IssueServiceToken", service=service, secret=secret)
    metadata = (("authorization", f"Bearer {issued.token}"),)
    answer = companies("GetCompany", metadata=metadata, company_id=3)
    print("with token:", answer.company.name)


if __name__ == "__main__":
    main(*sys.argv[1:])
