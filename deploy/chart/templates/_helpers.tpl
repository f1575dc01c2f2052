{{- define "hearth.name" -}}
{{- printf "%s-hearth" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "hearth.selector" -}}
app.kubernetes.io/name: hearth
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "hearth.labels" -}}
{{ include "hearth.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "hearth.secret" -}}
{{- .Values.valkey.existingSecret | default (include "hearth.name" .) -}}
{{- end -}}
