variable "backends" {
  description = "Where Envoy runs, by region: its zones, the name of the network endpoint groups there, and whether the region takes traffic."
  type = map(object({
    zones  = list(string)
    neg    = string
    active = optional(bool, true)
  }))
  validation {
    condition     = anytrue([for each in values(var.backends) : each.active])
    error_message = "At least one region must be active, or nobody is served."
  }
  validation {
    condition     = alltrue([for each in values(var.backends) : length(each.zones) > 0])
    error_message = "A region has at least one zone."
  }
}

variable "dns_zone" {
  description = "Cloud DNS zone to write records into; the records are outputs where there is none."
  type        = string
  default     = null
}

variable "domain" {
  description = "Name that clients use, such as api.example.com."
  type        = string
  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain))
    error_message = "A domain name in lower case, without a dot at its end."
  }
}

variable "limits" {
  description = "What Cloud Armor lets one address do: no less than the edge's own limits on addresses (gateway/limits/table.py) come to in a minute, so that it refuses floods only. Requests in a minute, writes in a minute (twice as many are a ban), the largest body in bytes, and seconds of the ban."
  type = object({
    requests_per_minute = optional(number, 37000)
    writes_per_minute   = optional(number, 5000)
    max_body_bytes      = optional(number, 65536)
    ban_s               = optional(number, 600)
  })
  default = {}
  validation {
    condition     = var.limits.requests_per_minute >= 1 && var.limits.requests_per_minute <= 1000000
    error_message = "Cloud Armor throttles at 1 to 1000000 requests."
  }
  validation {
    condition     = var.limits.writes_per_minute >= 1 && var.limits.writes_per_minute * 2 <= 10000
    error_message = "Cloud Armor bans at 10000 requests at most, which is twice the limit."
  }
}

variable "max_rate_per_endpoint" {
  description = "Requests a second that one Envoy takes before others are preferred."
  type        = number
  default     = 2000
}

variable "media_backend_bucket_id" {
  description = "Backend bucket that serves /media/; no such path without one."
  type        = string
  default     = null
}

variable "name" {
  description = "Prefix of every resource's name."
  type        = string
  default     = "aviary"
}

variable "preview_waf" {
  description = "Whether the rules against attacks only log what they would refuse. Begin so, read the log, then enforce."
  type        = bool
  default     = false
}

variable "project_id" {
  description = "Project of the load balancer."
  type        = string
}

variable "refused_countries" {
  description = "ISO codes of countries that are refused."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for code in var.refused_countries : can(regex("^[A-Z]{2}$", code))])
    error_message = "A country is two capitals."
  }
}
