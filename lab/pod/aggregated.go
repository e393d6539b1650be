package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/options"
)

const (
	aggregatedPort = 8443
	group          = "lab.keyroll.dev"
	groupVersion   = group + "/v1alpha1"
	groupPath      = "/apis/" + groupVersion
)

// runAggregated serves lab.keyroll.dev/v1alpha1 on :8443 with Kubernetes' own server library: it takes the front
// proxy's CA and the client CA from ConfigMap extension-apiserver-authentication, again whenever that changes, and
// names both in its handshake. Its serving certificate is made at the start.
func runAggregated(ctx context.Context, _ []string) error {
	config, err := aggregatedConfig()
	if err != nil {
		return err
	}
	api, err := config.Complete(nil).New("labpod", server.NewEmptyDelegate())
	if err != nil {
		return err
	}
	api.Handler.NonGoRestfulMux.HandleFunc(groupPath, serveDiscovery)
	api.Handler.NonGoRestfulMux.HandleFunc(groupPath+"/pings", servePings)
	return api.PrepareRun().Run(ctx.Done())
}

func aggregatedConfig() (*server.Config, error) {
	serving := options.NewSecureServingOptions().WithLoopback()
	serving.BindPort = aggregatedPort
	serving.ServerCert.CertDirectory = ""
	if err := serving.MaybeDefaultWithSelfSignedCerts("aggregated", nil, nil); err != nil {
		return nil, err
	}
	config := server.NewConfig(codecs())
	config.Version = &version.Info{Major: "1", Minor: "0"}
	if err := serving.ApplyTo(&config.SecureServing, &config.LoopbackClientConfig); err != nil {
		return nil, err
	}
	authentication := options.NewDelegatingAuthenticationOptions()
	if err := authentication.ApplyTo(&config.Authentication, config.SecureServing, nil); err != nil {
		return nil, err
	}
	config.Authentication.Authenticator = refuseAnonymous(config.Authentication.Authenticator)
	authorization := options.NewDelegatingAuthorizationOptions().WithAlwaysAllowGroups(user.SystemPrivilegedGroup)
	return config, authorization.ApplyTo(&config.Authorization)
}

// codecs knows only what the library itself answers with, such as Status.
func codecs() serializer.CodecFactory {
	scheme := runtime.NewScheme()
	unversioned := schema.GroupVersion{Version: "v1"}
	metav1.AddToGroupVersion(scheme, unversioned)
	scheme.AddUnversionedTypes(unversioned, &metav1.Status{}, &metav1.APIVersions{}, &metav1.APIGroupList{},
		&metav1.APIGroup{}, &metav1.APIResourceList{})
	return serializer.NewCodecFactory(scheme)
}

// refuseAnonymous answers 401 to whoever brings no credentials, where the library alone would go on to
// authorization and answer 403: a test can then tell a front proxy that is not trusted from one that may not.
func refuseAnonymous(inner authenticator.Request) authenticator.Request {
	return authenticator.RequestFunc(func(req *http.Request) (*authenticator.Response, bool, error) {
		response, ok, err := inner.AuthenticateRequest(req)
		if ok && strings.HasPrefix(req.URL.Path, "/apis") && response.User.GetName() == user.Anonymous {
			return nil, false, nil
		}
		return response, ok, err
	})
}

func serveDiscovery(answer http.ResponseWriter, _ *http.Request) {
	write(answer, metav1.APIResourceList{
		TypeMeta:     metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
		GroupVersion: groupVersion,
		APIResources: []metav1.APIResource{
			{Name: "pings", SingularName: "ping", Kind: "Ping", Verbs: metav1.Verbs{"list"}},
		},
	})
}

// pingList is always empty; it says whom the front proxy vouched for.
type pingList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []struct{} `json:"items"`
	User            string     `json:"user"`
}

func servePings(answer http.ResponseWriter, req *http.Request) {
	who := ""
	if info, ok := request.UserFrom(req.Context()); ok {
		who = info.GetName()
	}
	write(answer, pingList{
		TypeMeta: metav1.TypeMeta{Kind: "PingList", APIVersion: groupVersion},
		Items:    []struct{}{},
		User:     who,
	})
}

func write(answer http.ResponseWriter, body interface{}) {
	answer.Header().Set("Content-Type", "application/json")
	// The only error is a client that went away, whom nobody can tell.
	_ = json.NewEncoder(answer).Encode(body)
}
