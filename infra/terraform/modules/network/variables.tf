variable "name" {
  description = "Prefix of every resource's name."
  type        = string
  default     = "aviary"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,19}$", var.name))
    error_message = "The name begins with a letter and has at most 20 of a-z, 0-9 and -."
  }
}

variable "nat_min_ports_per_vm" {
  description = "Ports that NAT reserves for a node at first; it takes more as it needs them."
  type        = number
  default     = 64
  validation {
    condition     = var.nat_min_ports_per_vm >= 32
    error_message = "NAT reserves at least 32 ports."
  }
}

variable "project_id" {
  description = "Project that holds the network."
  type        = string
}

variable "regions" {
  description = "Regions to have a subnet, by name, each with the ranges of nodes, pods, services and of Private Service Connect. Ranges must not overlap."
  type = map(object({
    nodes    = string
    pods     = string
    services = string
    psc      = string
  }))
  validation {
    condition     = length(var.regions) > 0
    error_message = "At least one region is needed."
  }
  validation {
    condition = alltrue(flatten([
      for ranges in values(var.regions) : [for range in values(ranges) : can(cidrnetmask(range))]
    ]))
    error_message = "Every range is an IPv4 range such as 10.0.0.0/20."
  }
}
