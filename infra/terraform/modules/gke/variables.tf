variable "authorized_networks" {
  description = "Who may reach the control plane by address, beside those whom IAM lets use its DNS name: name to range."
  type        = map(string)
  default     = {}
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the cluster."
  type        = bool
  default     = true
}

variable "kms_key_id" {
  description = "Key that encrypts the cluster's secrets at rest in its database."
  type        = string
}

variable "maintenance" {
  description = "When Google may upgrade: RFC 5545 recurrence, and start and end of the first window."
  type = object({
    recurrence = optional(string, "FREQ=WEEKLY;BYDAY=TU,WE,TH")
    start      = optional(string, "2026-01-06T03:00:00Z")
    end        = optional(string, "2026-01-06T09:00:00Z")
  })
  default = {}
}

variable "name" {
  description = "Name of the cluster."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,38}[a-z0-9]$", var.name))
    error_message = "The name begins with a letter and has at most 40 of a-z, 0-9 and -."
  }
}

variable "network_id" {
  description = "VPC of the cluster."
  type        = string
}

variable "node_pools" {
  description = "Pools by class of service. Pods choose one by the label `aviary/class`. Node counts are for each zone."
  type = map(object({
    machine_type = string
    min_nodes    = optional(number, 1)
    max_nodes    = number
    disk_size_gb = optional(number, 50)
    spot         = optional(bool, false)
  }))
  validation {
    condition     = alltrue([for pool in values(var.node_pools) : pool.min_nodes <= pool.max_nodes])
    error_message = "A pool's min_nodes is at most its max_nodes."
  }
  validation {
    condition     = anytrue([for pool in values(var.node_pools) : pool.min_nodes >= 1])
    error_message = "At least one pool has min_nodes of 1 or more: a zone without nodes has no endpoint group for the load balancer."
  }
}

variable "node_tag" {
  description = "Network tag by which the firewall knows the nodes."
  type        = string
}

variable "project_id" {
  description = "Project of the cluster."
  type        = string
}

variable "region" {
  description = "Region of the cluster. Its control plane is in three zones."
  type        = string
}

variable "release_channel" {
  description = "How eagerly Google upgrades the cluster."
  type        = string
  default     = "REGULAR"
  validation {
    condition     = contains(["RAPID", "REGULAR", "STABLE", "EXTENDED"], var.release_channel)
    error_message = "The channel is RAPID, REGULAR, STABLE or EXTENDED."
  }
}

variable "subnet" {
  description = "Subnet of the nodes and the names of its secondary ranges."
  type = object({
    id             = string
    pods_range     = string
    services_range = string
  })
}

variable "zones" {
  description = "Zones of the region that have nodes, each as many as the pools say."
  type        = list(string)
  validation {
    condition     = length(var.zones) > 0 && alltrue([for zone in var.zones : startswith(zone, "${var.region}-")])
    error_message = "At least one zone is needed, and each is in the cluster's region."
  }
}
