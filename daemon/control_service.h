// Control (control.h) as the gRPC service lacuna.control.v1.Control. An adapter: it decides nothing.
#pragma once

#include <memory>

namespace grpc {
class Service;
}

namespace lacuna {

class Control;

// gRPC's threads call it, and through it `control`, which outlives it.
std::unique_ptr<grpc::Service> MakeControlService(Control& control);

}  // namespace lacuna
